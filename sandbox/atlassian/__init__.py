"""The wire protocols of Jira and Confluence, Cloud and Data Center, over one `sandbox.site.Site`."""
