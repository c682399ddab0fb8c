"""Process 1, `datadeling consume`: read the topic into PostgreSQL until SIGTERM."""
