"""What the tests of splice share: an oracle, random edits, random styles, layouts and golden cases."""
