"""How parameters move: learning-rate schedules and the steps of one and of two levels."""
