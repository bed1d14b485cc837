"""What several tests share: reference computations, toy runs, and comparisons of trainings."""
