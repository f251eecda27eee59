"""All files of a project as they were: taken on saves and by the clock, kept by content, thinned with age."""
