"""The plan's industries, a package each; one file a scenario."""
