//! The pages behind the navigation links.

/// One page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    /// Make a picture and watch it.
    #[default]
    Run,
    /// One prompt over many step counts.
    Sweep,
    /// Two settings side by side.
    Compare,
    /// What was run before.
    Log,
    /// What is installed.
    Models,
}

impl Page {
    /// In the order of the navigation.
    pub const ALL: [Page; 5] = [Page::Run, Page::Sweep, Page::Compare, Page::Log, Page::Models];

    /// The link's text.
    pub const fn label(self) -> &'static str {
        match self {
            Page::Run => "Run",
            Page::Sweep => "Sweep",
            Page::Compare => "Compare",
            Page::Log => "Log",
            Page::Models => "Models",
        }
    }

    /// The link's address. It names no setting, so following it runs nothing.
    pub fn href(self) -> String {
        format!("#view={}", self.label().to_ascii_lowercase())
    }

    /// The page of a `view` key.
    pub fn from_key(key: &str) -> Option<Page> {
        Self::ALL.into_iter().find(|page| page.label().eq_ignore_ascii_case(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::share::Link;

    #[test]
    fn links_lead_to_their_page_and_run_nothing() {
        for page in Page::ALL {
            let link = Link::parse(&page.href());
            assert!(!link.has_settings());
            assert_eq!(link.view.as_deref().and_then(Page::from_key), Some(page));
        }
    }
}
