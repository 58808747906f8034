"""Slack: listeners, the durable inbox, conversations, slash commands and Block Kit views."""
