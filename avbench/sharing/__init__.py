"""Results of several machines and labs: received, merged, compared and published."""
