"""Confluence storage format, Atlassian Document Format and Jira wiki markup, turned into Markdown."""
