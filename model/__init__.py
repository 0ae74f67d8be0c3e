"""What happens to children: the agent-based pipeline from birth to 30, with its compiled core."""
