"""Process 1, in the order the data flows: source → decode → transform → batch → fold → store."""
