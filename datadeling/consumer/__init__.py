"""Process 1, `datadeling consume`: reads the topic into PostgreSQL until SIGTERM."""
