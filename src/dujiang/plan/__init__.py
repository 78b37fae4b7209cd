"""The plan as data: its text, goals, tasks and units; their progress; the monthly dispatch."""
