"""The actions of operators, used by the command line and by the admin API alike; each leaves a record."""
