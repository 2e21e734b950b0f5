"""What was used: the names that are told apart, and the guard that folds the rest."""
