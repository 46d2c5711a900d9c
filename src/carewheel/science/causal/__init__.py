"""Did a change work? Plans before, methods, checks, and a verdict or a refusal afterwards."""
