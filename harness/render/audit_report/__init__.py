"""The report of an audit as a page, a document of data, JUnit and SARIF."""
