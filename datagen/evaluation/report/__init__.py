"""The evaluation report: HTML, Markdown, JSON, JUnit XML and plain text."""
