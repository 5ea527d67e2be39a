"""What is asked for: suites and profiles, from files or Python, as one validated plan."""
