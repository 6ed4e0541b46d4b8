"""The use cases: one public function a module."""
