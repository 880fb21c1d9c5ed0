"""The console in a real browser, against a real server and real terminals."""
