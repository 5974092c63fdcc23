"""What people have (pictures, folders, zips, lists of rows) becomes pictures and talk about them, and sentences."""
