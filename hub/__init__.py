"""The platform's own service on top of JupyterHub: settings, command line, users, projects, members and HTTP API."""
