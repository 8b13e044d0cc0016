"""One file for each constraint and each objective, brought by plugins."""
