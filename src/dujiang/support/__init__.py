"""Support: measures in force, white list, special bonds, landmark scenarios, supply and demand (requirement 5)."""
