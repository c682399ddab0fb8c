"""Process 1, in the order the data flows: source → batch → decode → transform → fold → store."""
