"""The journey of one request: plan, attempts, and the way home of the answer."""
