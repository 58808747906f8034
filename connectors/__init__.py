"""Confluence, Jira and folders of files, read into a stream of documents with sections and access rules."""
