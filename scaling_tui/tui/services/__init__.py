"""What runs beside the screens: watching threads, background work, machine load, files."""
