"""paradigm"""
