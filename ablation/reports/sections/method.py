"""How the scores, intervals and tests of a report are to be read."""

METHOD = (
    "Scores are pooled over all utterances of held-out speakers: WA is the share of correct "
    "answers, UA the mean of the classes' accuracies. Each is computed per seed and then averaged "
    "over seeds. They estimate the accuracy for a speaker not heard in training.",
    "Confidence intervals (95 %) are Student's t intervals over the speakers' influences on the "
    "pooled score; differences are paired by speaker. In simulated studies of ten speakers they "
    "covered the true value in 93 to 97 % of cases; percentile and BCa bootstrap intervals covered "
    "it in about 90 %.",
    "The training sets of different folds share speakers. The intervals treat speakers as "
    "independent and do not account for this overlap.",
    "Tests are sign-flip tests by speaker. All comparisons of a family are flipped together, and "
    "each is compared with the largest statistic of every flip (single-step max-T). Family-wise "
    "adjusted p-values therefore allow for the number of comparisons and remain valid when the "
    "comparison was picked after seeing the scores. Without adjustment, comparing the best shape "
    "with the others would give significant results in most studies in which nothing differs.",
    "The plateau rule tests larger filters only, in one direction, and so asks a narrower question "
    "than the test of all pairs: it may separate shapes that are not significantly different among "
    "all pairs. Confidence intervals are not adjusted. With few speakers the sign-flip test is "
    "stricter than the t interval, so an interval may exclude 0 although p is above 0.05. Where "
    "they disagree, rely on the family-wise adjusted p.",
    "A score is biased upwards where a shape was chosen on the folds that score it. In Table 1, "
    "where present, nested rows reduce this bias and nested-full rows avoid it, as does ablate "
    "compare on another corpus.",
    "Every model is scored after its last epoch; nothing is tuned on held-out speakers.",
)
