"""A local Slack workspace and a local Atlassian site that speak the real wire protocols."""
