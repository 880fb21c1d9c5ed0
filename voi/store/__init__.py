"""What must survive: one repository for each family of tables; nobody outside knows that it is SQLite."""
