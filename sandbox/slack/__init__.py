"""A local Slack workspace: Web API, Socket Mode, Events API over HTTP, interactivity, and a page for
people.
"""
