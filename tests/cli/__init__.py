"""The command line, as transcripts."""
