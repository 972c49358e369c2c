"""Budgets (JCGM 100), Monte Carlo (JCGM 101), variances between runs, multiple comparisons."""
