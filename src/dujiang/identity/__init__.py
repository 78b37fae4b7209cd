"""Who acts: units, the people who belong to them, their roles, and what each role may do."""
