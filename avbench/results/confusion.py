"""What a classifier takes for what."""

import pandas as pd


def shares(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return how often clips of each class (rows) are taken for each class (columns): shares that sum to 1 per row.

    Args:
        predictions: columns label and prediction; of several seeds, all count alike.
    """
    table = pd.crosstab(predictions["label"], predictions["prediction"], normalize="index")
    return table.reindex(columns=table.index.union(table.columns), fill_value=0.0)


def pairs(table: pd.DataFrame) -> pd.DataFrame:
    """Return true class, predicted class and share of every confusion that occurs, the most frequent first.

    Args:
        table: what :func:`shares` returns.
    """
    found = table.rename_axis(index="label", columns="prediction").stack().rename("share").reset_index()
    found = found[(found["label"] != found["prediction"]) & (found["share"] > 0)]
    return found.sort_values(["share", "label", "prediction"], ascending=[False, True, True], ignore_index=True)


def mean_right(table: pd.DataFrame) -> float:
    """Return the share of right predictions, averaged over classes.

    Args:
        table: what :func:`shares` returns.
    """
    return sum(table.loc[label, label] for label in table.index) / len(table)
