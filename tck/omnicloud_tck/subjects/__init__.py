"""What each contract gives to random programs: calls, draws, models and meetings."""
