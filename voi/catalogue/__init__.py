"""What is published: templates with their levels and files, offered to the seed and the tracker."""
