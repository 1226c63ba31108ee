"""WeChat Pay, API v3, as its documentation and its SDKs know it."""
