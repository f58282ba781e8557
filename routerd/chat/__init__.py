"""The words every dialect is said in; imports nothing of ours."""
