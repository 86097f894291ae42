//! Identity of a Fluvio topic's content. Fluvio itself has no such name: a topic that was
//! deleted and created again looks the same, but for its offsets beginning again. So a second topic
//! remembers a name and how far the partitions had got; where they have got less far since, the
//! content is another one. (A topic that has been created again and has overtaken the old one
//! unseen cannot be distinguished: every process that opens or closes the log notes its heads.)

use uuid::Uuid;

/// One note in the identity topic.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Note {
    pub(super) identity: Uuid,
    /// The head of each partition when the note was written.
    pub(super) heads: Vec<u64>,
}

/// The identity that the notes, oldest first, give a topic with these heads; `None` if it needs a
/// new one. Two processes that create it at once both read the first note.
pub(super) fn resolve(notes: &[Note], heads: &[u64]) -> Option<Uuid> {
    let mut current: Option<Note> = None;
    for note in notes {
        match &mut current {
            Some(known) if !went_back(&known.heads, &note.heads) => {
                for (known, &noted) in known.heads.iter_mut().zip(&note.heads) {
                    *known = noted.max(*known);
                }
            }
            current => *current = Some(note.clone()),
        }
    }
    current
        .filter(|known| !went_back(&known.heads, heads))
        .map(|known| known.identity)
}

fn went_back(before: &[u64], now: &[u64]) -> bool {
    before.len() != now.len() || before.iter().zip(now).any(|(before, now)| now < before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(identity: u128, heads: &[u64]) -> Note {
        Note {
            identity: Uuid::from_u128(identity),
            heads: heads.to_vec(),
        }
    }

    #[test]
    fn a_topic_keeps_its_name_while_it_grows() {
        assert_eq!(resolve(&[], &[0, 0]), None);
        let notes = [note(1, &[0, 0]), note(1, &[5, 9])];
        assert_eq!(resolve(&notes, &[5, 10]), Some(Uuid::from_u128(1)));
    }

    #[test]
    fn a_topic_created_again_has_a_new_name() {
        let mut notes = vec![note(1, &[0, 0]), note(1, &[5, 9])];
        assert_eq!(resolve(&notes, &[5, 0]), None);
        notes.push(note(2, &[5, 0]));
        assert_eq!(resolve(&notes, &[5, 3]), Some(Uuid::from_u128(2)));
        assert_eq!(resolve(&notes, &[5, 3, 0]), None, "other partitions");
    }

    #[test]
    fn of_two_that_create_it_at_once_the_first_names_it() {
        let notes = [note(1, &[0]), note(2, &[0])];
        assert_eq!(resolve(&notes, &[0]), Some(Uuid::from_u128(1)));
    }
}
