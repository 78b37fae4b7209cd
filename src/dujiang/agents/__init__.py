"""The actions and readings of all planes for AI agents, by the Model Context Protocol."""
