"""`ekiden doctor`: is everything all right? One small function per check, run side by side."""
