"""From manifests to the store, its ledger and subsets."""
