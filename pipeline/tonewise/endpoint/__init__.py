"""Is the caller done?"""
