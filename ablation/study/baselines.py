"""The names of the baselines, as tables and rows have them."""

MAJORITY, SVM = "majority class", "log-mel SVM"
BASELINES = (MAJORITY, SVM)  # in the order of Table 1
