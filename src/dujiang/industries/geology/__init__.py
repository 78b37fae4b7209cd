"""Geology and mining (地质矿产): scenarios of the plan's task 8."""
