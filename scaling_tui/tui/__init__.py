"""The Textual app. It reads run folders and starts processes; nothing trains in it."""
