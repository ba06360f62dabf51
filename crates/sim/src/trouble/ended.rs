use std::collections::{HashSet, VecDeque};

/// The signatures of URLs that expired before their time, the latest of them.
#[derive(Debug, Default)]
pub(super) struct EndedUrls {
    known: HashSet<String>,
    order: VecDeque<String>,
}

impl EndedUrls {
    const CAPACITY: usize = 4096;

    pub(super) fn add(&mut self, signature: String) {
        if !self.known.insert(signature.clone()) {
            return;
        }
        if self.order.len() == Self::CAPACITY
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.order.push_back(signature);
    }

    pub(super) fn has(&self, signature: &str) -> bool {
        self.known.contains(signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten() {
        let mut ended = EndedUrls::default();
        for number in 0..=EndedUrls::CAPACITY {
            ended.add(number.to_string());
            ended.add(number.to_string());
        }
        assert!(!ended.has("0"));
        assert!(ended.has("1") && ended.has(&EndedUrls::CAPACITY.to_string()));
        assert_eq!(ended.known.len(), ended.order.len());
    }
}
