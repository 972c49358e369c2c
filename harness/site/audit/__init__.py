"""The audit in the site: the page of all findings, a page for each rule and each submitter."""
